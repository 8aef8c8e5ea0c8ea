"""A fictional neighbourhood shop, with pictures drawn here, so that a demo shows a full shop with no network."""
