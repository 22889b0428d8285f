"""Where patches and sounds come from: seeds, draws, datasets."""
