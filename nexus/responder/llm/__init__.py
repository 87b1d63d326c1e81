"""An agent's judgement by a language model: over any OpenAI-compatible server, or a LangChain chat model handed in."""
