"""Names of fields that hold a person's details, whatever value they carry."""

from __future__ import annotations

from functools import lru_cache

# Compared in lower case without separators: `emailAddress`, `email_address` and `Email Address` are one.
# fmt: off
PERSONAL_FIELDS = frozenset({
    # how to reach a person
    "email", "emailaddress", "mail", "mailto", "phone", "phonenumber", "telephone", "telephonenumber", "tel",
    "mobile", "mobilephone", "mobilenumber", "cell", "cellphone", "fax", "faxnumber",
    # where a person lives or stands, finer than a city
    "address", "addresses", "address1", "address2", "addressline", "addressline1", "addressline2", "street",
    "streetaddress", "street1", "street2", "housenumber", "postalcode", "postcode", "zip", "zipcode",
    "shippingaddress", "billingaddress", "homeaddress", "latitude", "longitude", "lat", "lng", "lon", "long",
    "latlng", "latlong", "geo", "geolocation", "geoip", "coords", "coordinates", "altitude", "accuracy",
    # who a person is
    "firstname", "lastname", "middlename", "fullname", "givenname", "familyname", "surname", "maidenname",
    "username", "nickname", "birthday", "birthdate", "dateofbirth", "dob", "ssn", "socialsecuritynumber",
    "nationalid", "passport", "passportnumber", "taxid", "driverslicense",
    # what a person pays or proves with
    "creditcard", "creditcardnumber", "cardnumber", "cvv", "cvc", "iban", "accountnumber", "password", "passwd",
    "pwd", "secret", "token", "accesstoken", "refreshtoken", "idtoken", "apikey", "authorization", "cookie",
    "sessiontoken",
    # what a person's machine is known by
    "ip", "ipaddress", "ipv4", "ipv6", "clientip", "remoteip", "remoteaddr", "useragent", "useragentdata",
    "advertisingid", "idfa", "idfv", "gaid", "aaid", "imei", "imsi", "macaddress", "deviceid", "devicetoken",
    "fingerprint",
    # identifiers, which travel as pseudonyms in their own fields alone
    "userid", "anonymousid", "customerid", "visitorid", "previousid", "writekey",
})
# fmt: on

# In traits these too are about the person; elsewhere `name` is a product's or a page's.
PERSONAL_TRAITS = PERSONAL_FIELDS | {"name", "id", "avatar", "description", "website", "title", "login"}

_SEPARATORS = str.maketrans("", "", "_- .")


@lru_cache(maxsize=8192)
def is_personal(name: str) -> bool:
    """Whether a property of this name is dropped: it names a personal detail, or holds an address."""
    return "@" in name or name.translate(_SEPARATORS).lower() in PERSONAL_FIELDS


@lru_cache(maxsize=8192)
def is_personal_trait(name: str) -> bool:
    """Whether a trait of this name is dropped."""
    return is_personal(name) or name.translate(_SEPARATORS).lower() in PERSONAL_TRAITS
