"""Twins, one by one."""

import market.client
from sideloop import synced

Market = synced(market.client.AsyncMarket, deep=True)
Row = synced(market.client.AsyncRow)
connect = synced(market.client.connect, deep=True)
