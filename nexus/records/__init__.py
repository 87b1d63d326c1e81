"""The incident's record: events and evidence in a store, the folder that people read."""
