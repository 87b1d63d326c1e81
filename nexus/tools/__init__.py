"""The tools that agents look at the world with; `TOOLS` names them all."""
