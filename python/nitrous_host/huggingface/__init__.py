"""Folders of Hugging Face models: one file per task, and what the tasks share."""
