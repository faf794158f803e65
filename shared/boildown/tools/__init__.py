"""Tool results of agents, shortened: what the agent adapters share."""
