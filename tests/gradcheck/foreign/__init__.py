"""Operations and layers in the manners of other courses and libraries, right and wrong: what the gradient checker was
not built for."""
