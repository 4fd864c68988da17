"""The public interface: what a notebook or another program uses, over the same code as the workflow."""
