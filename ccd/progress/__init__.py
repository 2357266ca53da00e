"""What a terminal or a log shows while runs are trained."""
