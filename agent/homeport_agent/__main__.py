"""`python -m homeport_agent`: the same as `homeport agent`."""

from homeport.cli.main import main

if __name__ == "__main__":
    import sys

    main(["agent", *sys.argv[1:]])
