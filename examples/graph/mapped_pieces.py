"""A piece of a graph, with a branch in it, mapped as a whole over several inputs."""

from homeport import Flow, apply_map, case, merge, task


@task
def read(name):
    return {"name": name, "size": len(name)}


@task
def is_long(page):
    return page["size"] > 4


@task
def shorten(page):
    return page["name"][:4]


@task
def as_it_is(page):
    return page["name"]


def piece(name):
    page = read(name)
    long = is_long(page)
    with case(long, True):
        short = shorten(page)
    with case(long, False):
        same = as_it_is(page)
    return merge(short, same)


with Flow("mapped pieces") as flow:
    names = apply_map(piece, ["tea", "bread", "sugar"])

if __name__ == "__main__":
    print(flow.run().result[names].result)
