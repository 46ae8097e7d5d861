"""The paper broker: its host, its messages, the trail of what passed, and the kill switch."""
