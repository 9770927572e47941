"""The tables of the Star Schema Benchmark at a scale factor, made without the public generator.

What the 13 queries read is equal to what the public generator makes, row by row, so that their published answers hold; names,
addresses and telephone numbers, which no query reads, are our own. Everything follows from the specification of the random
numbers: Lehmer's generator (multiplier 16807, modulus 2^31 - 1) with a stream for each column, of which the n-th number can be
computed by itself."""

import datetime

import numpy
import pyarrow

MODULUS = 2**31 - 1
MULTIPLIER = 16807

# The first state of the streams.
STREAMS = {
    "shared": 1, "brand": 46831694, "type": 1841581359, "size": 1193163244, "container": 727633698, "name": 709314158,
    "customer nation": 1489529863, "segment": 1140279430, "supplier nation": 110356601, "address": 881155353,
    "order date": 1066728069, "order customer": 851767375, "priority": 591449447, "lines": 1434868289,
    "part": 1808217256, "supplier": 2095021727, "quantity": 209208115, "discount": 554590007, "tax": 721958466,
    "commit": 904914315, "ship mode": 675466456,
}
LINES = 7  # most lines of an order: each order takes so many numbers of the lines' streams
DATES = 2556
FIRST_DAY = datetime.date(1992, 1, 1)
ORDER_DAYS = 2406  # days on which orders are made

NATIONS = [
    ("ALGERIA", 0), ("ARGENTINA", 1), ("BRAZIL", 1), ("CANADA", 1), ("EGYPT", 4), ("ETHIOPIA", 0), ("FRANCE", 3),
    ("GERMANY", 3), ("INDIA", 2), ("INDONESIA", 2), ("IRAN", 4), ("IRAQ", 4), ("JAPAN", 2), ("JORDAN", 4), ("KENYA", 0),
    ("MOROCCO", 0), ("MOZAMBIQUE", 0), ("PERU", 1), ("CHINA", 2), ("ROMANIA", 3), ("SAUDI ARABIA", 4), ("VIETNAM", 2),
    ("RUSSIA", 3), ("UNITED KINGDOM", 3), ("UNITED STATES", 1),
]
REGIONS = ["AFRICA", "AMERICA", "ASIA", "EUROPE", "MIDDLE EAST"]
SEGMENTS = ["AUTOMOBILE", "BUILDING", "FURNITURE", "HOUSEHOLD", "MACHINERY"]
PRIORITIES = ["1-URGENT", "2-HIGH", "3-MEDIUM", "4-NOT SPECIFIED", "5-LOW"]
SHIP_MODES = ["REG AIR", "AIR", "RAIL", "TRUCK", "MAIL", "FOB", "SHIP"]
COLOURS = ["almond", "azure", "beige", "black", "blue", "coral", "cream", "cyan", "gold", "green", "grey", "ivory", "khaki",
           "lemon", "lime", "navy", "olive", "orange", "pink", "red", "rose", "sienna", "tan", "violet", "white", "yellow"]
TYPES = [f"{size} {finish} {metal}" for size in ["STANDARD", "SMALL", "MEDIUM", "LARGE", "ECONOMY", "PROMO"]
         for finish in ["ANODIZED", "BURNISHED", "PLATED", "POLISHED", "BRUSHED"]
         for metal in ["TIN", "NICKEL", "BRASS", "STEEL", "COPPER"]]
CONTAINERS = [f"{size} {kind}" for size in ["SM", "LG", "MED", "JUMBO", "WRAP"]
              for kind in ["CASE", "BOX", "BAG", "JAR", "PACK", "PKG", "CAN", "DRUM"]]
WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
# "Augest" and "Octorber" are the public generator's.
MONTHS = ["January", "February", "March", "April", "May", "June", "July", "Augest", "September", "Octorber", "November", "December"]
HOLIDAYS = {(12, 24), (1, 1), (2, 20), (4, 20), (5, 20), (7, 20), (8, 20), (9, 20), (10, 20), (11, 20)}


def states(stream, first, count):
    """The states of a stream after its numbers first, first + 1, ..., an array of count; the 0th is the first one drawn."""
    block = 4096
    powers = numpy.empty(block, numpy.uint64)
    power = 1
    for i in range(block):
        powers[i], power = power, power * MULTIPLIER % MODULUS
    starts = numpy.empty(count // block + 1, numpy.uint64)
    state = STREAMS[stream] * pow(MULTIPLIER, first + 1, MODULUS) % MODULUS
    for i in range(len(starts)):
        starts[i], state = state, state * power % MODULUS
    return (starts[:, None] * powers[None, :] % numpy.uint64(MODULUS)).reshape(-1)[:count]


def uniform(stream, low, high, first, count):
    """Numbers first, ... of a stream, count of them, as whole numbers of low...high."""
    return low + (states(stream, first, count).astype(numpy.float64) / float(MODULUS) * float(high - low + 1)).astype(numpy.int64)


class Sizes:
    """Rows of the tables at a scale factor: below 1 all but the dates shrink; parts grow by its logarithm above."""

    def __init__(self, factor):
        if not 0.001 <= factor <= 100 or (factor > 1 and factor != int(factor)):
            raise ValueError(f"a scale factor is 0.001 to 1, or a whole number up to 100, not {factor}")
        self.customers, self.suppliers = int(30000 * factor), int(2000 * factor)
        self.orders = int(1500000 * factor)
        self.parts = int(200000 * factor) if factor < 1 else 200000 * (1 + int(numpy.log2(factor)))
        # Parts that orders are for: the public generator takes another logarithm.
        self.ordered_parts = self.parts if factor < 1 else 200000 * (1 + int(numpy.log(factor)))
        # Its dates draw from the orders' streams, and it has fewer of them below 1.
        self.skipped = int(DATES * min(factor, 1))


def text(choices, indices):
    """An array of dictionary-encoded text."""
    return pyarrow.DictionaryArray.from_arrays(pyarrow.array(indices.astype(numpy.int32)), pyarrow.array(choices))


def whole(values):
    return pyarrow.array(values.astype(numpy.int32))


def cities():
    return [f"{name[:9]:<9}{digit}" for name, _ in NATIONS for digit in range(10)]


def geography(prefix, nations, digits):
    regions = numpy.array([region for _, region in NATIONS])[nations]
    return {
        f"{prefix}_city": text(cities(), nations * 10 + digits),
        f"{prefix}_nation": text([name for name, _ in NATIONS], nations),
        f"{prefix}_region": text(REGIONS, regions),
        f"{prefix}_phone": pyarrow.array([f"{10 + nation}-{row % 900 + 100}-{row % 9000 + 1000}" for row, nation in enumerate(nations)]),
    }


def addresses(first, count):
    return pyarrow.array([f"{number} Street" for number in uniform("address", 1, 99999, first, count)])


def dates(sizes):
    days = [FIRST_DAY + datetime.timedelta(day) for day in range(DATES)]
    month = numpy.array([day.month for day in days])
    number = numpy.array([day.timetuple().tm_yday for day in days])
    weekday = numpy.array([day.weekday() for day in days])
    names = [MONTHS[day.month - 1] for day in days]
    last = numpy.array([(day + datetime.timedelta(1)).day == 1 for day in days])
    season = ["Winter" if m <= 3 else "Spring" if m == 4 else "Summer" if m <= 8 else "Fall" if m <= 10 else "Christmas" for m in month]
    return pyarrow.table({
        "d_datekey": whole(numpy.array([day.year * 10000 + day.month * 100 + day.day for day in days])),
        "d_date": pyarrow.array([f"{name} {day.day}, {day.year}" for name, day in zip(names, days)]),
        "d_dayofweek": pyarrow.array([WEEKDAYS[day] for day in weekday]),
        "d_month": pyarrow.array(names),
        "d_year": whole(numpy.array([day.year for day in days])),
        "d_yearmonthnum": whole(numpy.array([day.year * 100 + day.month for day in days])),
        "d_yearmonth": pyarrow.array([f"{name[:3]}{day.year}" for name, day in zip(names, days)]),
        "d_daynuminweek": whole((weekday + 1) % 7 + 1),
        "d_daynuminmonth": whole(numpy.array([day.day for day in days])),
        "d_daynuminyear": whole(number),
        "d_monthnuminyear": whole(month),
        "d_weeknuminyear": whole(number // 7 + 1),
        "d_sellingseason": pyarrow.array(season),
        "d_lastdayinweekfl": whole(weekday == 5),
        "d_lastdayinmonthfl": whole(last),
        "d_holidayfl": whole(numpy.array([(day.month, day.day) in HOLIDAYS for day in days])),
        "d_weekdayfl": whole(weekday < 5),
    })


def parts(sizes):
    count = sizes.parts
    # Maker and category are two numbers of one stream, one after the other.
    maker = uniform("shared", 1, 5, 0, 2 * count)
    maker, category = maker[0::2], maker[1::2]
    brand = uniform("brand", 1, 40, 0, count)
    names = uniform("name", 0, len(COLOURS) ** 2 - 1, 0, count)
    makers = [f"MFGR#{m}" for m in range(1, 6)]
    categories = [f"MFGR#{m}{c}" for m in range(1, 6) for c in range(1, 6)]
    brands = [f"{category}{b}" for category in categories for b in range(1, 41)]
    place = (maker - 1) * 5 + category - 1
    return pyarrow.table({
        "p_partkey": whole(numpy.arange(1, count + 1)),
        "p_name": text([f"{a} {b}" for a in COLOURS for b in COLOURS], names),
        "p_mfgr": text(makers, maker - 1),
        "p_category": text(categories, place),
        "p_brand1": text(brands, place * 40 + brand - 1),
        "p_color": text(COLOURS, names // len(COLOURS)),
        "p_type": text(TYPES, uniform("type", 0, len(TYPES) - 1, 0, count)),
        "p_size": whole(uniform("size", 1, 50, 0, count)),
        "p_container": text(CONTAINERS, uniform("container", 0, len(CONTAINERS) - 1, 0, count)),
    })


def suppliers(sizes):
    count = sizes.suppliers
    # The digit of a city goes on in the stream that the parts began.
    digits = uniform("shared", 0, 9, 2 * sizes.parts, count)
    return pyarrow.table({
        "s_suppkey": whole(numpy.arange(1, count + 1)),
        "s_name": pyarrow.array([f"Supplier#{key:09}" for key in range(1, count + 1)]),
        "s_address": addresses(0, count),
    } | geography("s", uniform("supplier nation", 0, 24, 0, count), digits))


def customers(sizes):
    count = sizes.customers
    digits = uniform("shared", 0, 9, 2 * sizes.parts + sizes.suppliers, count)
    return pyarrow.table({
        "c_custkey": whole(numpy.arange(1, count + 1)),
        "c_name": pyarrow.array([f"Customer#{key:09}" for key in range(1, count + 1)]),
        "c_address": addresses(sizes.suppliers, count),
    } | geography("c", uniform("customer nation", 0, 24, 0, count), digits)
      | {"c_mktsegment": text(SEGMENTS, uniform("segment", 0, 4, 0, count))})


def keys_of_days():
    days = (FIRST_DAY + datetime.timedelta(day) for day in range(DATES + 100))
    return numpy.array([day.year * 10000 + day.month * 100 + day.day for day in days])


def lineorders(sizes, first, count):
    """The lines of orders first, first + 1, ..., count of them; the first order is the 0th."""
    def of_order(stream, low, high):
        return uniform(stream, low, high, sizes.skipped + first, count)

    lines = of_order("lines", 1, LINES)
    order = numpy.repeat(numpy.arange(count), lines)
    number = numpy.arange(len(order)) - numpy.repeat(numpy.cumsum(lines) - lines, lines)

    def of_line(stream, low, high):
        return uniform(stream, low, high, first * LINES, count * LINES)[order * LINES + number]

    customer = of_order("order customer", 1, sizes.customers)
    # A third of the customers never orders; the generator moves to a neighbour, which at the end is the one before.
    moved = numpy.where(customer + 1 <= sizes.customers, customer + 1, customer - 1)
    customer = numpy.where(customer % 3 == 0, moved, customer)
    day = of_order("order date", 0, ORDER_DAYS - 1)
    part = of_line("part", 1, sizes.ordered_parts)
    price = 90000 + part // 10 % 20001 + part % 1000 * 100
    quantity, discount, tax = of_line("quantity", 1, 50), of_line("discount", 0, 10), of_line("tax", 0, 8)
    extended = price * quantity
    revenue = extended * (100 - discount) // 100
    total = numpy.zeros(count, numpy.int64)
    numpy.add.at(total, order, revenue * (100 + tax) // 100)
    index = first + numpy.arange(1, count + 1)
    keys = keys_of_days()
    return pyarrow.table({
        "lo_orderkey": whole((index >> 3 << 5 | index & 7)[order]),
        "lo_linenumber": whole(number + 1),
        "lo_custkey": whole(customer[order]),
        "lo_partkey": whole(part),
        "lo_suppkey": whole(of_line("supplier", 1, sizes.suppliers)),
        "lo_orderdate": whole(keys[day][order]),
        "lo_orderpriority": text(PRIORITIES, of_order("priority", 0, 4)[order]),
        "lo_shippriority": whole(numpy.zeros(len(order))),
        "lo_quantity": whole(quantity),
        "lo_extendedprice": whole(extended),
        "lo_ordtotalprice": whole(total[order]),
        "lo_discount": whole(discount),
        "lo_revenue": whole(revenue),
        "lo_supplycost": whole(6 * price // 10),
        "lo_tax": whole(tax),
        "lo_commitdate": whole(keys[day[order] + of_line("commit", 30, 90)]),
        "lo_shipmode": text(SHIP_MODES, of_line("ship mode", 0, 6)),
    })


def tables(factor, partitions):
    """Names and partitions of all tables at a scale factor, each a list of pyarrow tables; the fact table has `partitions`."""
    sizes = Sizes(factor)
    bounds = [sizes.orders * i // partitions for i in range(partitions + 1)]
    yield "date", (dates(sizes) for _ in range(1))
    yield "part", (parts(sizes) for _ in range(1))
    yield "supplier", (suppliers(sizes) for _ in range(1))
    yield "customer", (customers(sizes) for _ in range(1))
    yield "lineorder", (lineorders(sizes, begin, end - begin) for begin, end in zip(bounds, bounds[1:]))
