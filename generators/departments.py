"""What the shop sells: departments, their categories, product names and usual prices."""

Sold = tuple[int, tuple[str, ...]]  # the usual price in dollars, and what is sold

DEPARTMENTS: dict[str, dict[str, Sold]] = {
    "Electronics": {
        "Headphones": (60, ("Headphones", "Earbuds", "Headset")),
        "Cameras": (320, ("Camera", "Action Camera", "Lens")),
        "Computers": (540, ("Laptop", "Tablet", "Monitor", "Keyboard")),
    },
    "Home": {
        "Furniture": (180, ("Chair", "Table", "Shelf", "Sofa")),
        "Kitchen": (35, ("Pan", "Knife", "Kettle", "Blender")),
        "Lighting": (45, ("Lamp", "Lantern", "Spotlight")),
    },
    "Clothing": {
        "Women": (48, ("Dress", "Blouse", "Coat", "Jeans")),
        "Men": (46, ("Shirt", "Jacket", "Trousers", "Jeans")),
        "Shoes": (75, ("Sneakers", "Boots", "Sandals")),
    },
    "Sports": {
        "Fitness": (40, ("Dumbbell", "Yoga Mat", "Bench")),
        "Cycling": (95, ("Helmet", "Bicycle Pump", "Saddle", "Lamp")),
        "Camping": (85, ("Tent", "Sleeping Bag", "Lantern")),
    },
    "Leisure": {
        "Books": (18, ("Novel", "Cookbook", "Atlas", "Biography")),
        "Toys": (24, ("Puzzle", "Board Game", "Robot", "Doll")),
        "Garden": (38, ("Spade", "Bench", "Planter", "Hose")),
    },
    "Care": {
        "Cosmetics": (22, ("Lotion", "Shampoo", "Perfume")),
        "Pharmacy": (14, ("Vitamins", "Plaster", "Thermometer")),
        "Babies": (28, ("Bottle", "Blanket", "Doll")),
    },
}
ANYWHERE = ("Gift Set", "Starter Kit")  # sold in every category, so one name occurs in several
OTHER = (30, ("Bundle", "Accessory"))  # sold in a category that is not in DEPARTMENTS
QUALITIES = ("Classic", "Compact", "Premium", "Light", "Deluxe", "Modern", "Vintage", "Smart", "Sturdy", "Everyday")
KINDS = ("Outlet", "New", "Second Hand", "Seasonal", "Professional", "Small", "Large", "Imported")

SOLD = {name: sold for department in DEPARTMENTS.values() for name, sold in department.items()}


def tree(count: int) -> list[tuple[str, int | None]]:
    """Return `count` categories as (name, position of the parent); a parent comes before its children."""
    found: list[tuple[str, int | None]] = []
    for department, categories in DEPARTMENTS.items():
        parent = len(found)
        found += [(department, None), *((category, parent) for category in categories)]
    inner = [position for position, (_, parent) in enumerate(found) if parent is not None]
    for number in range(count - len(found)):
        parent, turn = inner[number % len(inner)], number // len(inner)
        again = f" {turn // len(KINDS) + 1}" if turn >= len(KINDS) else ""
        found.append((f"{KINDS[turn % len(KINDS)]}{again} {found[parent][0]}", parent))
    return found[:count]


def sold_in(category: str) -> Sold:
    """Return a category's usual price in dollars and product words, by the longest known name that it ends with."""
    words = category.split()
    return next((SOLD[end] for n in range(len(words)) if (end := " ".join(words[n:])) in SOLD), OTHER)
