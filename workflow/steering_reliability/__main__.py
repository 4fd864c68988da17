"""`python -m steering_reliability` is the command `steering-reliability`."""

from steering_reliability.commands.app import app

if __name__ == "__main__":
    app(prog_name="steering-reliability")
