"""Goods: their reviews, their prices, and what suppliers deliver."""

from generators.live.orders import REWARD, find
from generators.live.transaction import RECENT, Transaction
from generators.loyalty import POINTS_FOR_A_REVIEW
from generators.words import OPINIONS

# A long text is stored outside of its row, and a change of the rating alone leaves it out of PostgreSQL's log.
LONG_SHARE, LONG_SENTENCES = 0.1, 300
LOW_STOCK = 20
# Goods come in lots of this size, so that stock and sales together can be checked at any moment.
LOT = 100
BOUGHT = "select product_id from source.order_details where order_id = %(order)s order by line_number"
WRITE = """insert into source.reviews (user_id, product_id, rating, review_text, created_at)
    values (%(user)s, %(product)s, %(rating)s, %(text)s, now())"""
WRITTEN = """select review_id, rating from source.reviews where review_id > %(oldest)s and review_id <= %(near)s
    order by review_id desc limit 1 for no key update skip locked"""
FOR_SALE = """select product_id from source.products where product_id >= %(number)s
    order by product_id limit 1 for no key update skip locked"""
REPRICE = """update source.products set price = greatest(round(price * %(percent)s / 100, 2), 0.50)
    where product_id = %(product)s"""
SCARCE = """select product_id from source.products
    where product_id between %(number)s and %(number)s + %(range)s and stock_quantity < %(low)s
    order by product_id limit 1 for no key update skip locked"""
DELIVER = "update source.products set stock_quantity = stock_quantity + %(pieces)s where product_id = %(product)s"


def review(one: Transaction) -> bool:
    """Review something that was delivered."""
    if not (found := find(one, "Completed")) or not (bought := one.all(BOUGHT, order=found[0])):
        return False
    (product,) = one.random.choice(bought)
    rating = one.random.randint(1, 5)
    one.do(WRITE, user=found[1], product=product, rating=rating, text=opinion(one, rating))
    one.do(REWARD, user=found[1], points=POINTS_FOR_A_REVIEW, reason="Review")
    return True


def change_review(one: Transaction) -> bool:
    """Change a review's rating, and sometimes its text."""
    if not (found := one.one(WRITTEN, **one.recently("reviews", "review_id"))):
        return False
    number, rating = found[0], 1 + found[1] % 5
    one.do("update source.reviews set rating = %(rating)s where review_id = %(number)s", number=number, rating=rating)
    if one.random.random() < 0.5:
        change = "update source.reviews set review_text = %(text)s where review_id = %(number)s"
        one.do(change, number=number, text=opinion(one, rating))
    return True


def delete_review(one: Transaction) -> bool:
    """Delete a review; its points stay."""
    if not (found := one.one(WRITTEN, **one.recently("reviews", "review_id"))):
        return False
    one.do("delete from source.reviews where review_id = %(number)s", number=found[0])
    return True


def reprice(one: Transaction) -> bool:
    """Change a product's price; what was sold keeps its own."""
    if not (found := one.one(FOR_SALE, number=one.somewhere("products", "product_id"))):
        return False
    one.do(REPRICE, product=found[0], percent=one.random.choice((85, 90, 95, 105, 110, 118)))
    return True


def restock(one: Transaction) -> bool:
    """Bring a product that is nearly sold out back."""
    number = one.somewhere("products", "product_id")
    if not (found := one.one(SCARCE, number=number, range=RECENT, low=LOW_STOCK)):
        return False
    one.do(DELIVER, product=found[0], pieces=LOT * one.random.randint(1, 4))
    return True


def opinion(one: Transaction, rating: int) -> str:
    """Return the text of a review."""
    random, sentences = one.random, one.words.sentences.texts
    count = LONG_SENTENCES if random.random() < LONG_SHARE else 1
    return " ".join((random.choice(OPINIONS[rating]), *random.choices(sentences, k=count)))
