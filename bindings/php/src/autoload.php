<?php

// Loads the classes for programs without composer: require_once '…/bindings/php/src/autoload.php';

declare(strict_types=1);

spl_autoload_register(static function (string $class): void {
    if (!str_starts_with($class, 'Fast\\')) {
        return;
    }
    $file = __DIR__ . '/' . strtr(substr($class, strlen('Fast\\')), '\\', '/') . '.php';
    if (is_file($file)) {
        require_once $file;
    } elseif (str_ends_with($class, 'Exception')) {
        // All the classes of exceptions but the base are in one generated file.
        require_once __DIR__ . '/Exceptions.php';
    }
});
