"""The launcher of model hosts: starts one, and at its end leaves no process behind."""
