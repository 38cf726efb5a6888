"""What was exported and what precision cost, for machines and for people."""
