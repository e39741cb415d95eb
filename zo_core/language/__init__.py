"""Language models, tasks and their losses."""
