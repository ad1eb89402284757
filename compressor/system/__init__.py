"""What keeps a run from being lost: files whole or not at all, folders and devices that somebody has, processes, memory, disk."""
