const LIST = `
  abacus aboard absent absorb accent achieve acid acorn acrobat action actor adapt address adjust admire adobe adult
  advance advice aerial affair afford agency agile agree ahead airport alarm album alert algebra align alley almond
  alone alpaca alpine alto amaze amber amount amuse anchor ancient angle animal annual answer antenna antler anvil
  apology apply apron aquatic arcade arena argue armor arrive arrow artist ascend ashore aspen asphalt assist aster
  athlete atlas atom attach attic audio aunt author autumn avenue average avocado avoid awake awesome axis axle
  azure baby badge bagel balance ballad bamboo banana banjo barber barley basalt basic bathtub baton bazaar beacon
  bedroom beehive beetle begin behave belfry belong benefit better bicycle billow binary biology birch bird bison
  bistro blazer blend blimp blink block blouse blush boast bobcat body boiler bold bolster bonnet bonus book border
  botany bottle boulder bounce bowl boxcar brain brave breeze brief brisk broad bubble bucket budget buffalo buggy
  bugle build bulb bulldog bumper bundle bunny bureau burger bushel butler buyer buzzer bypass cabin cable cactus
  caddie cadet cage calf camel campus canoe capable capital cargo carve cashew castle catalog catfish cause cavern
  cedar ceiling celery cement center ceramic chair chalk chess chicken chisel choice chorus chrome chuckle cider
  cinema cipher circle cistern citrus city civic claim class clean click cliff cloak cloud cluster coach cobalt
  coconut code coffee coin collar column comet condor convoy cookie copper copy coral corner cosmic cottage couple
  cover cowboy coyote cradle crane cream creek crisp critic cross cruise crunch crystal cube cuckoo cuddle cuisine
  culture cupcake curator curly cushion custom cutlery cycle cypress dahlia daily dance daring dash data dawn dazzle
  debate debut decade decent deer defend degree delight delta demand denim depot depth derby desert design detail
  detour device dial diary dictate diesel differ digital dignity dinner diploma direct distant doctor dodge dolphin
  domain donate donor dose dough dozen dragon drama dress drift droplet drum dryer duchess duck dugout dune duplex
  durable dustpan duty dwell dynamic eager early earth easel easy eatery echo eclipse economy edge edit educate
  effect effort elastic elbow elder elect elegant elite elm emblem emerald emotion empty enable enact encore endless
  energy engine enjoy enlarge enrich ensure entire entry episode epoch equal equip errand escape essay estate
  eternal ethics event evident evolve example excite exhibit exist exotic expand extend extra eyebrow fabric facade
  factory fade fair falcon family famous fancy fantasy farmer fashion fasten fathom faucet favor feature federal
  fence fennel ferret festive fetch fever fiber fiction fiddle field figure filter final finch firm fiscal fisher
  fitness fixture fjord flag flash fleece flint float floor fluent flute foam focus foggy folder follow fondue forum
  foster founder fox foyer fragile frame free fresh friend fringe frolic front fruit fudge fulfill furnace fuse
  future fuzzy gadget galaxy garage garden gather gazebo gear gecko gelatin genius gentle geology gesture getaway
  geyser giant gibbon gift giraffe given gizmo glance glaze gleam glimpse glitter globe glue gnome goal goblet
  goggle gondola goose gopher gorge gossip gourmet govern gown graft grand green griddle grin groove group guard
  guava guess guide gulf gumdrop gusto gutter gymnast gypsum habit haddock halo hammer hamster hangar happen harbor
  harp hatch hawk hazel health heart height helium helmet heron hexagon hiccup hickory hidden highway hiking hinge
  hippo history hobby hockey holiday holly honest hoof hopeful hornet horse hostel hubcap huge hull human humor
  hunter hurdle hurry husky hybrid hydrant hyphen iceberg icicle icon ideal igloo ignite iguana image imitate
  immense impact import inbox income indeed indigo inform inhale initial inject inkwell inland inlet input inquire
  inside install integer invent iodine iris isolate issue itch item ivory ivy jackal jaguar jasmine javelin jazz
  jeans jelly jersey jester jewel jigsaw jingle jogger joker journey joy jubilee juggle juice jukebox jumbo jump
  junior karate kayak kazoo keen keeper kelp kernel ketchup kettle keyhole khaki kilo kimono kindle king kiosk kite
  kitten kiwi knock koala kumquat label lacquer ladder lagoon lake lamb landing lantern laptop large laser lasso
  lattice laugh laurel lava lawyer lazy leader learn lecture leek legacy leisure lemon length lentil leopard lettuce
  level liberty license lichen lilac lily limber limit linen linseed lion liquid listen liter lively lizard llama
  lobster local locket lofty logic loop lotion lotus lounge lucid lucky luggage lullaby lunar lupine lure luxury
  lychee lyric machine magic magnet major mallet mammal mango mantle maple marble marsh mason matter mauve maximum
  meadow measure medal meet mellow melody member memory mention menu merit merry mesa message metro mighty migrate
  mill mimic mint miracle mirror misty mixer mobile modest modify molten moment money month mop mosaic moss mouse
  move mud muffin mule music mutual mystery myth nacho nail name napkin nation nature navy nebula neck nectar needle
  nephew nerve network neutral newborn newt nibble nickel niece noble noise nomad noodle north notch note nougat
  novel nozzle nucleus nurse nutmeg nylon oak oasis oatmeal object oblong oboe observe obtain ocean octagon octopus
  odyssey office okra olive omega onion online onward opaque open opera opinion oppose optimal oracle orange orbit
  orchard oregano origin oriole osprey ostrich otter outfit oval overall owner oxbow oxygen oyster ozone pacific
  package paddle pagoda paint palace panda panel papaya paper parade parka passage pasta patrol payment peacock
  peanut pebble pecan pelican pencil people pepper period person petal petunia pewter phantom phone photo phrase
  physics piano pickle picnic pigeon pink pioneer pipe pirate piston pitcher pivot pizza plaza pledge plenty pliers
  plot pluck plus podium poem polar polish poncho popcorn poppy portal potato pottery pouch powder prairie prefer
  pride prism proof proud prune public pudding pulley pulse puma pumpkin pupil purple pursuit puzzle pyramid python
  quail quartz queen quick quiet quota rabbit raccoon radar radiant raffle raisin rally ramble random ranger rapid
  rare ratio raven ravine razor reach ready rebound recipe record reduce reef reflect refuge region regular relax
  remain remedy render renew repair return reunion rhubarb rhyme rhythm rice rigid ripple rivet robin rodent roller
  romance rooster rope rotate rotor royal rubber ruby rudder rugged ruler runner rural rustic saber sachet safari
  safety salad sample sandal sardine satchel satin sauce sauna savior savvy scarf scholar science score scout screen
  search secret section seed segment senate sensor sequel serene series sesame shadow shape shelf sheriff shield
  shimmer short shrimp shrub shuffle signal silent silver siren sister sitcom sizzle skate sketch skill skirt
  skyline sleep slide slipper slogan small smile smoke smooth snack sneaker snippet snorkel snow snug soap soccer
  social soda soft soil solid solve sonar soon soothe sorbet source south space spark speak sphere spider spiral
  splash sponge spray spring square squid staff steady stereo stick stone storm stream strong studio style subtle
  subway success suede sugar suggest suit summer sundae sunset super supply surf sushi sustain swan sweater swift
  syrup system tackle tactic tadpole tailor talent tall tangent tank target tartan taste taxi teal teapot temple
  tennis tenor terrace textile theme theory thicket thimble thorn thread thumb thunder tidal tiger tight tile timid
  tinsel tiny titan toddler token tomato tool topaz topic torch toucan tourist tower trace trek trend trick trip
  trophy trout true truth tuba tugboat tulip tunic turkey turnip tutor tuxedo tweed twig twist tycoon type typical
  ultra umpire uncle unfold unique unit unknown unlock unusual update upgrade uphill upper upright upward urban
  urgent usage usher usual utensil utility utmost utopia vacuum valid vanilla vapor variety varnish vase vault
  vector vehicle velvet vendor venture verdict verify vessel veteran viable vibrant video view vigor village vine
  vinyl violin virtual visible vital vivid voice volley volume voter vowel voyage wafer wagon waiter walnut waltz
  wander warm wave wax wedding weekend welcome west whale wheat whimsy white wicker wide width wiggle wild window
  winter wisdom wolf wombat wood world worthy woven wren yacht yard yodel yoga yogurt yolk young yucca zebra zenith
  zephyr zero zigzag zinc zinnia zipper zodiac zoology
`;

/**
 * The words of room codes, in alphabetical order; their number is part of the protocol, their order is not. What
 * `words.test.ts` holds them to makes them hard to mix up by ear and hand, and lets an input field complete one after four
 * letters.
 */
export const WORDS: readonly string[] = LIST.trim().split(/\s+/);
