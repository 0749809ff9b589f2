"""Build a graph without a `with` block: tasks, edges, and a copy that is changed."""

from homeport import Flow, Task


class Number(Task):
    def __init__(self, value, **options):
        self.value = value
        super().__init__(**options)

    def run(self):
        return self.value


class Add(Task):
    def run(self, left, right):
        return left + right


one, two, add = Number(1, name="one"), Number(2, name="two"), Add()
flow = Flow("by hand")
flow.set_dependencies(add, keyword_tasks={"left": one, "right": two})
flow.chain(two, one)

changed = flow.copy()
changed.replace(two, Number(40, name="forty"))

if __name__ == "__main__":
    print([task.name for task in flow.sorted_tasks()])
    print(flow.run().result[add].result, changed.run().result[add].result)
