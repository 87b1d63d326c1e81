"""A recorded outage as a read-only world: `open_recording(folder)`."""

from nexus.world.recording.world import Recording, open_recording

__all__ = ["Recording", "open_recording"]
