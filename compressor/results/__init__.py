"""After a run: tables and flips, models side by side, predictions, the plain sentence."""
