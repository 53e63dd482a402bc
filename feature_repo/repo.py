"""What Feast's command line registers: it collects the objects that stand at the top of this module.

Feast asks for definitions at import. This is the one module that does something there: it
reads the settings, for the place of the lake; nothing is opened.
"""

from contracts.settings import load_settings
from feature_repo.definitions import define

_definitions = define(load_settings())

user, item = _definitions.entities
user_behavior, user_demographics, user_segments, item_features = _definitions.views
user_behavior_now = _definitions.on_demand
two_tower_v1, popularity_v1 = _definitions.services
