"""MLflow's model folders: what MLmodel says, signatures, and the flavours that are served without MLflow."""
