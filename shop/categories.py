"""Categories of the shop's articles, told by the words of their descriptions."""

from __future__ import annotations

import re
from collections.abc import Mapping

OTHER = "Other"
_PLURAL = re.compile(r"(?:(?<=x)es|(?<=[cs]h)es|(?<=ss)es|s)$")

# Phrases of a category, comma separated, singular. The longest phrase found in a description
# decides; among phrases of one length the category that stands first here.
PHRASES: Mapping[str, str] = {
    "Christmas": """christmas, xmas, advent, bauble, reindeer, rudolph, santa, snowman, snowflake, nativity, stocking,
        holly, robin, noel, tree decoration, angel decoration, star decoration, mistletoe, wise men, tree baubles,
        christmas pudding, christmas card, christmas garland, christmas tree, blackchristmas, winter, glitter tree, feather tree,
        wreath, snow, christmas bauble, christmas ribbon, christmas toadstool, skate, poinsettia, icicle, sleigh""",
    "Easter": """easter, egg, chick, bunny, hen, rabbit, easter tree, egg decoration, hanging egg, bunny decoration,
        hanging chick, hanging hen, felt egg""",
    "Jewellery": """necklace, necklac, neckl, neck, bracelet, lariat, earring, ring, brooch, pendant, bangle, diamante, charm,
        hair grip, hair clip, hair slide, hair comb, hairclip, hairband, hairslide, hair band, hair bobble, bobble,
        headband, tiara, jewellery, bead, beaded, hoop, phone charm, crystal stud, anklet, choker, bag charm,
        drop earring, crystal key, key ring, keyring, key chain, kashmiri, murano, pearl, amethyst, boudicca, bling,
        ladybird diamante, hair tie, mobile charm, glass ring, cluster ring, crystal ring, letter bling, cufflink, hair,
        vintage bead, glass necklace, bling key ring""",
    "Candles & Lights": """candle, candleholder, candlestick, t light, tlight, tealight, tea light, light, lantern,
        lamp, lampshade, votive, night light, fairy light, light holder, candle holder, candle stick, candle plate,
        candle pot, t lite, led, snow candle, string light, chandelier, shade, candelabra, candlepot, bulb, torch,
        light garland, chocolatecandle, scentcandle, candlestand, lightbulb, tube match, wall sconce, sconce, egg candle, chocolate t light""",
    "Fragrance & Bath": """incense, scented, scent, fragrance, fragranced, fragrant, oil burner, oil, lavender, soap,
        flannel, bath, bathroom, bath salt, shower cap, sponge, bath mat, towel, washbag, wash bag, lip gloss, balm,
        toiletry, joss stick, sachet, room spray, reed diffuser, diffuser, pot pourri, cosmetic, make up, nail, manicure,
        compact mirror, massager, massage, eye mask, hot water bottle, slipper, wash bowl, soap dish, loo roll, toilet,
        hand warmer, travel tissue, ess balm, lip balm, hand cream, wheat bag, hottie, compact, vanity""",
    "Bags & Purses": """bag, handbag, purse, shopper, tote, wallet, backpack, rucksack, satchel, jumbo bag, shoulder bag,
        lunch bag, weekend bag, charlotte bag, clutch, luggage, luggage tag, passport, passport cover, suitcase,
        shopping bag, duffle, make up bag, cosmetic bag, bead purse, hand bag, flask bag, card holder, glasses case,
        holdall, swing tag, clasp purse, ring purse, egg bag, travel card wallet, evening bag""",
    "Stationery & Cards": """card, greeting card, notebook, notepad, note book, note pad, memo pad, memo, pen, pencil,
        letter paper, writing set, envelope, sticker, stationery, stationary, diary, calendar, ruler, eraser, rubber,
        sharpener, pencil case, magnet, address book, photo album, album, scrapbook, pocket book, sketchbook, postcard,
        gift card, bookmark, clipboard, organiser, desk, stamp, ink, marker, post it, sticky note, jotter, journal,
        paper clip, file, folder, tape, sewing tape, book, paperweight, magnetic, badge, hole punch, calculator, writing, blackboard, chalkboard, memo board, memoboard,
        noticeboard, notice board, chalk, greeting, magnet set, birthday card, fridge magnet, crayon, chalk stick,
        wall planner, passport book, recipe box, money bank, letter set""",
    "Gift Wrap": """gift wrap, wrap, ribbon, gift tag, gift bag, tissue paper, wrapping, giftwrap, bow,
        ribbon reel, gift tape, wrapping paper, tag, reel, rosette, tissue, parcel""",
    "Party & Celebration": """bunting, party, balloon, birthday, paper cup, paper plate, paper napkin, napkin, confetti,
        garland, paper chain, invitation, wedding, windsock, cocktail, cocktail parasol, streamer, party bag, party bunting,
        party cone, party invite, cake candle, birthday candle, paper doily, doily, doilies, honeycomb, party hat, flag,
        straw, banner, feather garland, flower garland, paper lantern, cake topper, paper garland, cup cake case,
        tablecloth, paper table, celebration, car flag, world cup""",
    "Tea & Coffee": """mug, teapot, tea pot, cup, saucer, tea cup, teacup, tea set, coffee, tea, tea towel, teatowel, tea cosy,
        sugar bowl, milk jug, tea strainer, tea caddy, sugar, biscuit jar, egg cup, cup and saucer, coaster, coffee mug,
        creamer, tea time, teatime, beaker, tea plate, tea tray, tea for one, cappuccino, cafe, egg cosy, sugar tong""",
    "Baking": """cake case, cake tin, baking, cake stand, cakestand, cookie, cake, cookie cutter, biscuit cutter, cutter,
        pastry, rolling pin, whisk, mixing bowl, jelly mould, mould, measuring, measuring jug,
        kitchen scale, scale, cupcake, muffin, bundt, icing, recipe, sieve, measuring spoon, baking set, jam making,
        preserving jar, jam jar, jam, pudding bowl, oven glove, apron, spatula""",
    "Kitchen & Dining": """bowl, plate, dish, jug, glass, tumbler, cutlery, spoon, fork, knife, chopstick, pan, jar,
        bottle, lunch box, lunchbox, squeezer, picnic, bread bin, bread, toastrack, kitchen, apron kitchen, placemat, place mat,
        table mat, serving, platter, tray, salad, pepper, salt, cruet, wine, champagne, goblet, opener, bottle opener,
        corkscrew, trivet, colander, ladle, butter, cheese, toast rack, toast, food cover, food container, container,
        flask, water bottle, ice cream, ice, lolly, popcorn, oven, pot stand, table, napkin ring, dinner, breakfast,
        utensil, scoop, decanter, carafe, butter dish, cake plate, egg holder, egg box, egg plate, chopping board, board,
        dish cloth, pinny, table cloth, table runner, straw dispenser, gumball, soup, diner, cafetiere, egg timer, timer,
        bowl set, charger, pitcher, porcelain, teaspoon, spice, porcelain bowl, egg whisk, grater, cloche, bbq""",
    "Toys & Children": """toy, doll, jigsaw, puzzle, game, teddy, bear, children, child, kid, baby, playing card,
        dominoes, domino, skipping rope, skip rope, spinning top, puppet, soft toy, money box, moneybox, rocking horse,
        marbles, marble, dinosaur, babushka doll, doll house, block, circus, rattle, bib,
        kite, yo yo, bath toy, ball, snap card, ludo, tattoo, magic, whistle, harmonica, recorder, xylophone, wooden toy,
        farm, soldier, rocket, robot, car, train, tractor, helicopter, aeroplane, plane, fun, flying disc, frisbee,
        bubble, pirate, fairy, princess, play, boys, girls, sand, bucket and spade, glider, trumpet, drum, mouse toy,
        drawing slate, slinky, monkey, wand, fancy dress, stuffed, noughts, solitaire, backgammon, chess, quoits,
        skittle, playhouse, monster, lamb, bingo, pony, nursery, tooth, christening, wobbly, bunny toy, piggy bank, bank, feltcraft doll, inflatable, knitted toy,
        finger puppet, toybox, tidy for kids, boy, girl, rubber duck, space, paint your own, creepy crawlies, jacks""",
    "Craft & Sewing": """sewing, knitting, craft, feltcraft, felt craft, origami, button, patch, yarn, crochet,
        kit, embroidery, decoupage, needle, thread, pin cushion, scissor, tape measure, haberdashery, sewing kit,
        sewing box, modelling clay, knit your own, stencil, cross stitch, paint set, applique, iron on, wool, folkart, stitch,
        make your own, doorstop kit""",
    "Garden": """garden, plant, planter, watering can, flower pot, birdhouse, bird house, bird feeder, birdfeeder, gardening, bird bath, bird
        table, seed, herb, trowel, spade, rake, gnome, parasol, windmill, wind chime, windchime, wheelbarrow,
        outdoor, thermometer, toadstool, bird, butterfly net, pot plant, hammock, deckchair, greenhouse, gardener,
        grow your own, grow, plant pot, window box, trellis, gazebo, lawn, insect, fly swat, wasp, dovecote, tub,
        weather, secateur, solar, bird food, cress, beach, sundial, patio, shed, kneeling, flower jug, bird cage, birdcage, fountain,
        spinner, beehive, bee, hanging basket, wind spinner""",
    "Artificial Flowers": """artificial, artificial flower, rose bush, flower stem, silk, stem, bouquet, spray, blossom
        branch, dried flower, flower string, twig, branch, posy, petal, vase, flower spray, flower vase, tulip,
        blossom, orchid, hydrangea, daffodil, single rose, art flower, feather flower, rose flower""",
    "Signs & Letters": """sign, metal sign, door sign, letter, number tile, alphabet, wall sign, plaque, word, wooden
        letter, tin sign, hanging sign, plate sign, house number, tile, wall plaque, no entry, number, beware, wall tin,
        block word, bathroom sign, toilet sign, doorsign, kitchen sign, metal plaque, home sweet home, letter rack""",
    "Frames & Pictures": """photo frame, frame, picture frame, picture, photo, canvas, print, poster, wall art, painting,
        photo cube, photo clip, photo holder, postcard frame, gallery, portrait, photoframe, art, polaroid, wallart""",
    "Clocks & Mirrors": """clock, alarm clock, wall clock, mirror, wall mirror, watch, hourglass, mirrored, cuckoo, sand
        timer""",
    "Cushions & Throws": """cushion, cushion cover, throw, blanket, pillow, quilt, duvet, filler pad, curtain, bean bag,
        rug, chair pad, seat pad, cover, bedspread, pouffe, sleep mask, hammam, sheepskin, mattress, mat, doormat,
        door mat, carpet, floor cushion, knitted throw, draught excluder, draft excluder, pad, bed, linen, hand towel,
        chair, folding chair, bench, cushion pad, beanbag""",
    "Storage": """storage, basket, box, tin, drawer, storage box, storage tin, bin, laundry, hamper, crate, cabinet,
        cupboard, chest, trunk, caddy, canister, wicker, rack, shelf, shelves, nesting box, snack box, paper box, oval box, tidy, trinket box, trinket pot, trinket,
        jewel box, jewellery box, jewelry box, jewelled box, cd rack, magazine rack, organizer, wardrobe, stool,
        laundry bag, peg bag, knitted storage, bread crock, wastepaper bin, hat box, hatbox, letter holder, toy box,
        toothbrush holder, key cabinet, cigar box, tissue box, biscuit tin, sewing basket, round tin, bucket, pail, case,
        trinket tray, box sign, pot, holder, jewel, chest of drawers, footstool, key box, toilet roll holder""",
    "Hooks & Hardware": """hook, hanger, coat hanger, coat hook, knob, coathanger, coathook, drawer knob, door knob, doorstop, door stop,
        handle, key, padlock, bookend, book end, fly curtain, hooks, door hanger, coat rack, peg, screwdriver, tool,
        tool set, bracket, door handle, tissue holder, tape dispenser, radio, phone, telephone, wire, door, drawer pull,
        coat stand, umbrella stand, key hook, multi tool, clothes peg, dustpan, brush, cleaning, broom, ladder, bike,
        fire bucket, wrench, battery, usb, wheel, umbrella holder, bell, bicycle, tape reel""",
    "Fashion & Accessories": """scarf, hat, glove, sock, umbrella, sunglass, sunglasses, shawl, sarong, belt, poncho,
        t shirt, cap, jumper, mitten, ear muff, apron dress, pashmina, fan, flip flop, skirt, bootie, rain, raincoat,
        rain hat, sun hat, pyjama, leg warmer, shoe, boot, dress, coat, costume, tie, vest, parka, fur, boa, sash, leis,
        poncho, wellie, braces, sombrero, paper fan, hand fan, visor, collar, dog collar, sock puppet""",
    "Home Decor": """decoration, decorative, ornament, heart, mobile, hanging, deco, figurine, hanging heart, statue,
        wall decoration, zinc, dec, dream catcher, wind mill, bowl decoration, decor, wooden heart, sculpture, hanger
        heart, candle decoration, angel, star, chime, elephant, buddha, butterfly, feather, stand, cat, dog, owl, bird
        ornament, cone, string, garland heart, metal, wood, wooden, glass heart, sticker wall, wall, enamel, ceramic,
        beads curtain, bead curtain, shell, horn, duck, frog, skull, gnome figure, cherub, baroque, t light tree,
        acrylic, crystal, figure, flower, rose, daisy, fabric, box, poodle, canary""",
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
