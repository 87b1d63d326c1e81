"""The runbook's steps, one file each; steps never import one another, and nodes only decide, ask and record."""
