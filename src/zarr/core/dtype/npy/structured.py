"""Names of zarr-python, kept for programs that import them from here."""

from zarr.dtype.base import HasItemSize as HasItemSize
from zarr.dtype.base import ZDType as ZDType
from zarr.dtype.json_types import StructJSON_V3 as StructJSON_V3
from zarr.dtype.json_types import StructuredJSON_V2 as StructuredJSON_V2
from zarr.dtype.json_types import StructuredJSON_V3 as StructuredJSON_V3
from zarr.dtype.strings import bytes_from_json as bytes_from_json
from zarr.dtype.strings import bytes_to_json as bytes_to_json
from zarr.dtype.structured import Struct as Struct
from zarr.dtype.structured import Structured as Structured
from zarr.errors import ZarrUserWarning as ZarrUserWarning
from zarr.types import DTypeConfig_V2 as DTypeConfig_V2
from zarr.types import NamedConfig as NamedConfig
