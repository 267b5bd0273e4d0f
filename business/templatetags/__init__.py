"""Template tags of the business."""
