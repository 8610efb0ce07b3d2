"""The tests mirror the packages; servers/ has what they run on, house/ the shape of the whole."""
