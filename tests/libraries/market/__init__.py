"""A package that hands out whatever async Python may."""

from market import resources as resources
from market.client import AsyncMarket as AsyncMarket
