"""A resource that is set up for a few tasks, and cleaned up after them even though one of them fails."""

import shutil
import tempfile
from pathlib import Path

from homeport import Flow, resource_manager, task


@resource_manager
class TemporaryFolder:
    def __init__(self, prefix):
        self.prefix = prefix

    def setup(self):
        return Path(tempfile.mkdtemp(prefix=self.prefix))

    def cleanup(self, folder):
        shutil.rmtree(folder)


@task
def write(folder):
    path = folder / "numbers.txt"
    path.write_text("1 2 x")
    return path


@task
def total(path):
    return sum(int(word) for word in path.read_text().split())


with Flow("temporary folder") as flow, TemporaryFolder("homeport-example-") as folder:
    path = write(folder)
    answer = total(path)

if __name__ == "__main__":
    state = flow.run()
    print("the file is there:", state.result[path].result.exists())
    print("the flow failed:", state.is_failed())
