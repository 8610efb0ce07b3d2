"""What an operator's probes ask."""
