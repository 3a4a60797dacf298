<?php

declare(strict_types=1);

namespace Fast\Tests;

use Fast\Announcement;
use Fast\FastException;
use Fast\RegistryException;
use Fast\StateException;

$announce = static fn (string $folder): Announcement => new Announcement(['announce' => "dir://$folder/db", 'advertise' => '127.0.0.1:5432']);

return [
    'changes of an announcement are delivered' => static function () use ($announce): void {
        $announcement = $announce(folder());
        $heard = $also = [];
        thrown(StateException::class, static fn () => $announcement->deliver());
        $announcement->onAnnouncement(static function (string $state, ?FastException $error) use (&$heard): void {
            $heard[] = [$state, $error];
        })->onAnnouncement(static function (string $state) use (&$also): void {
            $also[] = $state;
        });
        same(0, $announcement->deliver());
        $announcement->withdraw();
        same(1, $announcement->deliver(10_000));
        same([[['closed', null]], ['closed']], [$heard, $also]);
        same(0, $announcement->deliver(1));
    },

    'a lost announcement says why, and that it is back' => static function () use ($announce): void {
        $folder = folder() . '/registry';
        mkdir($folder, 0700);
        $announcement = $announce($folder);
        $heard = [];
        $announcement->onAnnouncement(static function (string $state, ?FastException $error) use (&$heard): void {
            $heard[] = $state;
            if (count($heard) === 1) {
                throw $error;
            }
        });
        rename($folder, "$folder-away");
        file_put_contents($folder, 'in the way');
        contains($folder, thrown(RegistryException::class, static fn () => $announcement->deliver(10_000))->getMessage());
        same('lost', $announcement->state());
        unlink($folder);
        while (end($heard) !== 'registered') {
            $announcement->deliver(10_000);
        }
        same('lost', $heard[0]);
    },

    'signals are handled while changes are waited for' => static function () use ($announce): void {
        if (!function_exists('pcntl_alarm')) {
            throw new Skipped('PHP has no pcntl');
        }
        $announcement = $announce(folder())->onAnnouncement(static fn () => null);
        $before = pcntl_async_signals(true);
        pcntl_signal(SIGALRM, static fn () => $announcement->withdraw());
        pcntl_alarm(1);
        same(1, $announcement->deliver(60_000));
        pcntl_signal(SIGALRM, SIG_DFL);
        pcntl_async_signals($before);
    },
];
