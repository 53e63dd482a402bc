"""Categories of the shop's articles, told by the words of their descriptions."""

from __future__ import annotations

import re
from collections.abc import Mapping

OTHER = "Other"
_PLURAL = re.compile(r"(?:(?<=x)es|(?<=[cs]h)es|(?<=ss)es|s)$")

# Phrases of a category, comma separated, singular. The longest phrase found in a description
# decides; among phrases of one length the category that stands first here.
PHRASES: Mapping[str, str] = {
    "Christmas": """
        advent, angel decoration, bauble, blackchristmas, christmas, christmas bauble, christmas card,
        christmas garland, christmas pudding, christmas ribbon, christmas tree, feather tree, holly,
        icicle, noel, reindeer, santa, sleigh, snow, snowflake, star decoration, stocking, tree
        decoration, winter, wreath, xmas
    """,
    "Easter": """
        bunny, bunny decoration, chick, easter, easter tree, egg, felt egg, hanging chick, hen, rabbit
    """,
    "Jewellery": """
        amethyst, bag charm, bangle, bead, beaded, bling key ring, bobble, boudicca, bracelet, brooch,
        charm, choker, crystal key, crystal stud, diamante, drop earring, earring, glass necklace, hair,
        hair band, hair clip, hair comb, hair grip, hair slide, hair tie, hairband, hairclip, hoop,
        jewellery, kashmiri, key chain, key ring, keyring, lariat, murano, neckl, necklac, necklace,
        pearl, pendant, phone charm, ring, tiara, vintage bead
    """,
    "Candles & Lights": """
        bulb, candelabra, candle, candle holder, candle plate, candle pot, candle stick, candleholder,
        candlepot, candlestand, candlestick, chandelier, chocolatecandle, fairy light, lamp, lampshade,
        lantern, led, light, light garland, lightbulb, night light, scentcandle, string light, t light,
        t lite, tealight, tlight, torch, tube match, votive
    """,
    "Fragrance & Bath": """
        balm, bath, bath salt, bathroom, compact mirror, cosmetic, flannel, fragrance, hand warmer, hot
        water bottle, hottie, incense, lavender, loo roll, oil burner, sachet, scent, scented, shower
        cap, slipper, soap, soap dish, sponge, toilet, towel, vanity, wash bag, wash bowl, washbag
    """,
    "Bags & Purses": """
        backpack, bag, card holder, charlotte bag, cosmetic bag, glasses case, hand bag, handbag, jumbo
        bag, luggage tag, lunch bag, passport cover, purse, ring purse, rucksack, shopper, shopping bag,
        shoulder bag, tote, weekend bag
    """,
    "Stationery & Cards": """
        address book, badge, birthday card, blackboard, book, calculator, calendar, card, chalk stick,
        chalkboard, crayon, desk, envelope, eraser, fridge magnet, gift card, greeting card, hole punch,
        journal, magnet, magnetic, marker, memo, memo board, memo pad, memoboard, money bank, notebook,
        notepad, organiser, paperweight, pen, pencil, pencil case, photo album, pocket book, postcard,
        recipe box, rubber, sketchbook, stamp, stationery, sticker, tape, writing set
    """,
    "Gift Wrap": """
        bow, gift bag, gift tag, gift tape, gift wrap, reel, ribbon, ribbon reel, rosette, tissue, wrap,
        wrapping paper
    """,
    "Party & Celebration": """
        balloon, birthday, birthday candle, bunting, cake candle, car flag, cocktail parasol, confetti,
        cup cake case, doilies, flag, flower garland, garland, honeycomb, napkin, paper chain, paper
        cup, paper garland, paper lantern, paper napkin, paper plate, party, party bag, party bunting,
        party cone, party invite, straw, tablecloth, wedding
    """,
    "Tea & Coffee": """
        beaker, cafe, coaster, coffee, coffee mug, cup, cup and saucer, egg cosy, egg cup, milk jug,
        mug, sugar, tea, tea caddy, tea cosy, tea for one, tea set, tea time, tea towel, teacup, teapot,
        teatime, teatowel
    """,
    "Baking": """
        apron, baking, baking set, biscuit cutter, cake, cake case, cake stand, cake tin, cakestand,
        cookie cutter, cupcake, jam, jam jar, jam making, kitchen scale, measuring jug, measuring spoon,
        mixing bowl, oven glove, pudding bowl
    """,
    "Kitchen & Dining": """
        board, bottle, bowl, bread, bread bin, breakfast, butter dish, cake plate, champagne, charger,
        chopstick, colander, container, cutlery, dinner, dish, egg box, egg holder, flask, food
        container, food cover, fork, glass, gumball, ice, ice cream, jar, jug, kitchen, ladle, lunch
        box, lunchbox, napkin ring, oven, pan, picnic, placemat, plate, platter, popcorn, porcelain,
        salad, salt, spice, spoon, squeezer, table, table cloth, table runner, teaspoon, toast,
        toastrack, tray, tumbler, utensil, wine
    """,
    "Toys & Children": """
        baby, ball, bank, bear, bingo, block, boys, bubble, car, child, children, circus, creepy
        crawlies, dinosaur, doll, dominoes, drawing slate, fairy, farm, feltcraft doll, flying disc,
        frisbee, fun, game, girls, glider, harmonica, helicopter, inflatable, jacks, jigsaw, kid, lamb,
        magic, money box, monkey, monster, mouse toy, nursery, paint your own, piggy bank, pirate,
        playhouse, playing card, pony, princess, rocking horse, rubber duck, sand, skipping rope,
        skittle, snap card, soft toy, soldier, space, spinning top, stuffed, tattoo, teddy, toy, wobbly
    """,
    "Craft & Sewing": """
        button, crochet, cross stitch, decoupage, felt craft, feltcraft, folkart, iron on, kit,
        knitting, make your own, modelling clay, paint set, patch, pin cushion, scissor, sewing, sewing
        box, sewing kit, stencil, tape measure
    """,
    "Garden": """
        beach, bird, bird bath, birdcage, birdfeeder, birdhouse, flower jug, flower pot, fly swat,
        garden, gardener, gardening, gnome, grow, grow your own, hammock, parasol, plant pot, planter,
        pot plant, secateur, shed, thermometer, toadstool, trellis, tub, watering can, windchime,
        windmill
    """,
    "Artificial Flowers": """
        art flower, artificial flower, blossom, flower vase, rose flower, silk, vase
    """,
    "Signs & Letters": """
        bathroom sign, beware, block word, door sign, doorsign, home sweet home, kitchen sign, letter,
        letter rack, metal sign, number tile, sign, tile, toilet sign, wall plaque
    """,
    "Frames & Pictures": """
        art, canvas, frame, photo, photo clip, photo cube, photo frame, photoframe, picture frame,
        print, wall art
    """,
    "Clocks & Mirrors": """
        alarm clock, clock, cuckoo, mirror, wall clock, wall mirror
    """,
    "Cushions & Throws": """
        bench, blanket, chair, cover, curtain, cushion, cushion cover, door mat, doormat, filler pad,
        floor cushion, folding chair, hand towel, knitted throw, pad, pouffe, quilt, rug, throw
    """,
    "Storage": """
        basket, bin, biscuit tin, box, bucket, cabinet, case, chest, chest of drawers, cigar box, crate,
        cupboard, drawer, jewel, jewel box, jewelled box, jewellery box, key cabinet, laundry, magazine
        rack, nesting box, oval box, pail, paper box, peg bag, pot, round tin, shelf, snack box, stool,
        storage, storage box, tidy, tin, tissue box, trinket box, trinket pot, trinket tray, wastepaper
        bin, wicker
    """,
    "Hooks & Hardware": """
        clothes peg, coat hanger, coat rack, coathanger, coathook, door hanger, doorstop, drawer knob,
        fire bucket, hanger, hook, key, ladder, peg, radio, tape dispenser, tool set, umbrella stand,
        wire
    """,
    "Fashion & Accessories": """
        collar, dog collar, ear muff, fan, glove, leis, paper fan, rain, rain hat, scarf, shoe, skirt,
        sock puppet, sombrero, sunglasses, t shirt, umbrella
    """,
    "Home Decor": """
        acrylic, angel, beads curtain, bird ornament, buddha, butterfly, canary, cat, daisy, deco,
        decoration, decorative, dog, duck, enamel, feather, flower, glass heart, hanging, hanging heart,
        heart, metal, mobile, owl, poodle, rose, shell, stand, star, string, wall, wall decoration,
        wood, wooden, wooden heart, zinc
    """,
}


def _words(text: str) -> list[str]:
    # Both sides lose their ending, so that a phrase finds singular and plural.
    return [_PLURAL.sub("", word) if len(word) > 2 else word for word in re.findall(r"[a-z]+", text.lower())]


def _by_phrase() -> dict[tuple[str, ...], str]:
    table: dict[tuple[str, ...], str] = {}
    for category, phrases in PHRASES.items():
        for phrase in phrases.split(","):
            table.setdefault(tuple(_words(phrase)), category)
    return table


class Categorizer:
    """Tells an article's category from its description."""

    def __init__(self) -> None:
        self._by_phrase = _by_phrase()
        self._rank = {category: rank for rank, category in enumerate(PHRASES)}
        self._longest = max(map(len, self._by_phrase))

    def category(self, description: str) -> str:
        """The category whose longest phrase stands in the description; `OTHER` where none does."""
        words = _words(description)
        for length in range(self._longest, 0, -1):
            runs = (tuple(words[start : start + length]) for start in range(len(words) - length + 1))
            found = [self._by_phrase[run] for run in runs if run in self._by_phrase]
            if found:
                return min(found, key=self._rank.__getitem__)
        return OTHER
