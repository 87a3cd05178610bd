"""Files that leave the product: tables that spreadsheets can open without harm."""
