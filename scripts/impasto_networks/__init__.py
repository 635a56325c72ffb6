"""What the Python programs in scripts/ share: networks, VGG-19, pictures, graphs."""
