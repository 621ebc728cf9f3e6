"""The job of a batch: a version answers every row of a file; the scored file is kept a day."""
