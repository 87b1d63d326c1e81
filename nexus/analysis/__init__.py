"""Pure functions over plain telemetry: what changed, when, where first, and which components are suspect."""
