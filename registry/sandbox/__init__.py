"""The fence round everything that reads a model file: `pool` outside, `worker` inside."""
