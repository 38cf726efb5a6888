"""What exporting costs, and whether engines agree."""
