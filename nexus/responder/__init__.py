"""An agent answering a task: the contract, the desk with its tools, and who answers."""
