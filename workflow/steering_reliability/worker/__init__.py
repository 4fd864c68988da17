"""The warm worker: the process that holds the model, and its clients."""
