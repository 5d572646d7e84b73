from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class JID(_message.Message):
    __slots__ = ("app_key", "name", "domain", "client_resource")
    APP_KEY_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    DOMAIN_FIELD_NUMBER: _ClassVar[int]
    CLIENT_RESOURCE_FIELD_NUMBER: _ClassVar[int]
    app_key: str
    name: str
    domain: str
    client_resource: str
    def __init__(self, app_key: _Optional[str] = ..., name: _Optional[str] = ..., domain: _Optional[str] = ..., client_resource: _Optional[str] = ...) -> None: ...

class KeyValue(_message.Message):
    __slots__ = ("type", "key", "varint_value", "float_value", "double_value", "string_value")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    VARINT_VALUE_FIELD_NUMBER: _ClassVar[int]
    FLOAT_VALUE_FIELD_NUMBER: _ClassVar[int]
    DOUBLE_VALUE_FIELD_NUMBER: _ClassVar[int]
    STRING_VALUE_FIELD_NUMBER: _ClassVar[int]
    type: int
    key: str
    varint_value: int
    float_value: float
    double_value: float
    string_value: str
    def __init__(self, type: _Optional[int] = ..., key: _Optional[str] = ..., varint_value: _Optional[int] = ..., float_value: _Optional[float] = ..., double_value: _Optional[float] = ..., string_value: _Optional[str] = ...) -> None: ...

class Meta(_message.Message):
    __slots__ = ("id", "to", "timestamp", "ns", "payload", "routetype", "ext", "meta", "directed_users")
    ID_FIELD_NUMBER: _ClassVar[int]
    FROM_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    NS_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    ROUTETYPE_FIELD_NUMBER: _ClassVar[int]
    EXT_FIELD_NUMBER: _ClassVar[int]
    META_FIELD_NUMBER: _ClassVar[int]
    DIRECTED_USERS_FIELD_NUMBER: _ClassVar[int]
    id: int
    to: JID
    timestamp: int
    ns: int
    payload: bytes
    routetype: int
    ext: _containers.RepeatedCompositeFieldContainer[KeyValue]
    meta: bytes
    directed_users: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, id: _Optional[int] = ..., to: _Optional[_Union[JID, _Mapping]] = ..., timestamp: _Optional[int] = ..., ns: _Optional[int] = ..., payload: _Optional[bytes] = ..., routetype: _Optional[int] = ..., ext: _Optional[_Iterable[_Union[KeyValue, _Mapping]]] = ..., meta: _Optional[bytes] = ..., directed_users: _Optional[_Iterable[str]] = ..., **kwargs) -> None: ...

class MessageBody(_message.Message):
    __slots__ = ("type", "to", "contents", "ext", "ack_message_id", "msg_config", "ack_content", "meta", "edit_message_id", "edit_scope")
    class Content(_message.Message):
        __slots__ = ("type", "text", "latitude", "longitude", "address", "display_name", "remote_path", "secret_key", "file_length", "action", "params", "duration", "size", "thumbnail_remote_path", "thumbnail_secret_key", "thumbnail_display_name", "thumbnail_file_length", "thumbnail_size", "custom_event", "custom_exts", "building_name", "sub_type", "title", "summary", "combine_level", "image_type")
        class Size(_message.Message):
            __slots__ = ("width", "height")
            WIDTH_FIELD_NUMBER: _ClassVar[int]
            HEIGHT_FIELD_NUMBER: _ClassVar[int]
            width: float
            height: float
            def __init__(self, width: _Optional[float] = ..., height: _Optional[float] = ...) -> None: ...
        TYPE_FIELD_NUMBER: _ClassVar[int]
        TEXT_FIELD_NUMBER: _ClassVar[int]
        LATITUDE_FIELD_NUMBER: _ClassVar[int]
        LONGITUDE_FIELD_NUMBER: _ClassVar[int]
        ADDRESS_FIELD_NUMBER: _ClassVar[int]
        DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
        REMOTE_PATH_FIELD_NUMBER: _ClassVar[int]
        SECRET_KEY_FIELD_NUMBER: _ClassVar[int]
        FILE_LENGTH_FIELD_NUMBER: _ClassVar[int]
        ACTION_FIELD_NUMBER: _ClassVar[int]
        PARAMS_FIELD_NUMBER: _ClassVar[int]
        DURATION_FIELD_NUMBER: _ClassVar[int]
        SIZE_FIELD_NUMBER: _ClassVar[int]
        THUMBNAIL_REMOTE_PATH_FIELD_NUMBER: _ClassVar[int]
        THUMBNAIL_SECRET_KEY_FIELD_NUMBER: _ClassVar[int]
        THUMBNAIL_DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
        THUMBNAIL_FILE_LENGTH_FIELD_NUMBER: _ClassVar[int]
        THUMBNAIL_SIZE_FIELD_NUMBER: _ClassVar[int]
        CUSTOM_EVENT_FIELD_NUMBER: _ClassVar[int]
        CUSTOM_EXTS_FIELD_NUMBER: _ClassVar[int]
        BUILDING_NAME_FIELD_NUMBER: _ClassVar[int]
        SUB_TYPE_FIELD_NUMBER: _ClassVar[int]
        TITLE_FIELD_NUMBER: _ClassVar[int]
        SUMMARY_FIELD_NUMBER: _ClassVar[int]
        COMBINE_LEVEL_FIELD_NUMBER: _ClassVar[int]
        IMAGE_TYPE_FIELD_NUMBER: _ClassVar[int]
        type: int
        text: str
        latitude: float
        longitude: float
        address: str
        display_name: str
        remote_path: str
        secret_key: str
        file_length: int
        action: str
        params: _containers.RepeatedCompositeFieldContainer[KeyValue]
        duration: int
        size: MessageBody.Content.Size
        thumbnail_remote_path: str
        thumbnail_secret_key: str
        thumbnail_display_name: str
        thumbnail_file_length: int
        thumbnail_size: MessageBody.Content.Size
        custom_event: str
        custom_exts: _containers.RepeatedCompositeFieldContainer[KeyValue]
        building_name: str
        sub_type: int
        title: str
        summary: str
        combine_level: int
        image_type: int
        def __init__(self, type: _Optional[int] = ..., text: _Optional[str] = ..., latitude: _Optional[float] = ..., longitude: _Optional[float] = ..., address: _Optional[str] = ..., display_name: _Optional[str] = ..., remote_path: _Optional[str] = ..., secret_key: _Optional[str] = ..., file_length: _Optional[int] = ..., action: _Optional[str] = ..., params: _Optional[_Iterable[_Union[KeyValue, _Mapping]]] = ..., duration: _Optional[int] = ..., size: _Optional[_Union[MessageBody.Content.Size, _Mapping]] = ..., thumbnail_remote_path: _Optional[str] = ..., thumbnail_secret_key: _Optional[str] = ..., thumbnail_display_name: _Optional[str] = ..., thumbnail_file_length: _Optional[int] = ..., thumbnail_size: _Optional[_Union[MessageBody.Content.Size, _Mapping]] = ..., custom_event: _Optional[str] = ..., custom_exts: _Optional[_Iterable[_Union[KeyValue, _Mapping]]] = ..., building_name: _Optional[str] = ..., sub_type: _Optional[int] = ..., title: _Optional[str] = ..., summary: _Optional[str] = ..., combine_level: _Optional[int] = ..., image_type: _Optional[int] = ...) -> None: ...
    class MessageConfig(_message.Message):
        __slots__ = ("allow_group_ack",)
        ALLOW_GROUP_ACK_FIELD_NUMBER: _ClassVar[int]
        allow_group_ack: bool
        def __init__(self, allow_group_ack: _Optional[bool] = ...) -> None: ...
    TYPE_FIELD_NUMBER: _ClassVar[int]
    FROM_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    CONTENTS_FIELD_NUMBER: _ClassVar[int]
    EXT_FIELD_NUMBER: _ClassVar[int]
    ACK_MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    MSG_CONFIG_FIELD_NUMBER: _ClassVar[int]
    ACK_CONTENT_FIELD_NUMBER: _ClassVar[int]
    META_FIELD_NUMBER: _ClassVar[int]
    EDIT_MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    EDIT_SCOPE_FIELD_NUMBER: _ClassVar[int]
    type: int
    to: JID
    contents: _containers.RepeatedCompositeFieldContainer[MessageBody.Content]
    ext: _containers.RepeatedCompositeFieldContainer[KeyValue]
    ack_message_id: int
    msg_config: MessageBody.MessageConfig
    ack_content: str
    meta: str
    edit_message_id: int
    edit_scope: int
    def __init__(self, type: _Optional[int] = ..., to: _Optional[_Union[JID, _Mapping]] = ..., contents: _Optional[_Iterable[_Union[MessageBody.Content, _Mapping]]] = ..., ext: _Optional[_Iterable[_Union[KeyValue, _Mapping]]] = ..., ack_message_id: _Optional[int] = ..., msg_config: _Optional[_Union[MessageBody.MessageConfig, _Mapping]] = ..., ack_content: _Optional[str] = ..., meta: _Optional[str] = ..., edit_message_id: _Optional[int] = ..., edit_scope: _Optional[int] = ..., **kwargs) -> None: ...
