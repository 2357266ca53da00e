"""Studies: Optuna over any parameter space of a recipe, in one process or many, never lost."""
