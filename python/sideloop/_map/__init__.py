"""`sideloop.map`: an async function over many items."""
