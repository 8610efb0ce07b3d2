"""`python -m control_plane.cli`"""

from control_plane.cli.main import main

if __name__ == "__main__":
    main(prog_name="vauchflow")
