"""What is reported after a step and after an epoch."""

import torch

from course.training.results import EpochResult, TrainingStep


def test_a_step_reports_its_own_loss_and_the_correct_images_so_far():
    step = TrainingStep(1, 2, 3, 96, torch.tensor([2.5, 1.5, 0.0]), torch.tensor(70))
    assert (step.loss, step.correct) == (1.5, 70)


def test_a_step_waits_for_the_device_only_when_a_number_is_read():
    losses, correct = torch.zeros(3, device="meta"), torch.zeros((), device="meta")
    step = TrainingStep(1, 2, 3, 96, losses, correct)
    assert (step.epoch, step.step, step.steps, step.images) == (1, 2, 3, 96)


def test_accuracies_are_fractions_of_the_images_trained_and_tested_on():
    result = EpochResult(1, 0.1, 0.5, train_correct=45, train_total=60, test_loss=0.4, correct=9, test_total=10)
    assert (result.train_accuracy, result.accuracy) == (0.75, 0.9)
