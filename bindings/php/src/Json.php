<?php

declare(strict_types=1);

namespace Fast;

/**
 * Values of PHP to JSON text and back.
 *
 * @internal
 */
final class Json
{
    /** What libfast itself accepts. PHP's default is 512, and its parser gives up at 2,500 objects or 5,000 arrays. */
    private const DEPTH = 10_000;
    private const ENCODING = JSON_THROW_ON_ERROR | JSON_PRESERVE_ZERO_FRACTION | JSON_UNESCAPED_SLASHES
        | JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_LINE_TERMINATORS;

    public static function encode(mixed $value, string $what): string
    {
        try {
            return json_encode($value, self::ENCODING, self::DEPTH);
        } catch (\JsonException $error) {
            $message = "$what cannot be written as JSON: {$error->getMessage()}";
            throw FastException::of(Codes::E_INVALID, $message, previous: $error);
        }
    }

    public static function decode(string $text, bool $assoc): mixed
    {
        try {
            return json_decode($text, $assoc, self::DEPTH, JSON_THROW_ON_ERROR);
        } catch (\JsonException $error) {
            // libfast checked that it is JSON, but JSON can say what PHP cannot hold, such as half a surrogate pair.
            $message = "PHP cannot hold the value that came: {$error->getMessage()}";
            throw FastException::of(Codes::E_PROTOCOL, $message, previous: $error);
        }
    }

    /** A part of an error, that may be missing. What PHP cannot hold is left out: the error itself says more. */
    public static function decodePart(string $text): mixed
    {
        return $text === '' ? null : json_decode($text, false, self::DEPTH);
    }
}
