"""Names of zarr-python, kept for programs that import them from here."""

from zarr.dtype.base import HasEndianness as HasEndianness
from zarr.dtype.base import HasItemSize as HasItemSize
from zarr.dtype.base import ZDType as ZDType
from zarr.dtype.datetime import DATETIME_UNIT as DATETIME_UNIT
from zarr.dtype.datetime import DateTime64 as DateTime64
from zarr.dtype.datetime import DateTimeUnit as DateTimeUnit
from zarr.dtype.datetime import TimeDelta64 as TimeDelta64
from zarr.dtype.datetime import TimeDTypeBase as TimeDTypeBase
from zarr.dtype.json_types import DateTime64JSON_V2 as DateTime64JSON_V2
from zarr.dtype.json_types import DateTime64JSON_V3 as DateTime64JSON_V3
from zarr.dtype.json_types import TimeConfig as TimeConfig
from zarr.dtype.json_types import TimeDelta64JSON_V2 as TimeDelta64JSON_V2
from zarr.dtype.json_types import TimeDelta64JSON_V3 as TimeDelta64JSON_V3
from zarr.types import DTypeConfig_V2 as DTypeConfig_V2
